//! A certificate authority and the people of the pool, with what each of them signs.

use channel::{
    Command, CommandBody, LocalSigner, MessageKind, OrderHeader, Participant, ParticipantId,
    RequestId, Role, Signer as _, Uetr, ValueDate, batch_statement, command_statement, merkle_root,
    order_digest,
};
use ledger::{Amount, Currency};
use proto::v1;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use tonic::transport::Identity;
use zeroize::Zeroizing;

pub(crate) const TRUST_DOMAIN: &str = "causeway.test";
pub(crate) const POOL: u32 = 1;
/// 2026-01-05T08:00:00Z
pub(crate) const START_MS: u64 = 1_767_600_000_000;
pub(crate) const DAY: u32 = 20_260_105;

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key of the node, as PEM.
    pub(crate) fn node(&self) -> (String, String) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.issue(CertificateParams::new(names).unwrap(), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate with these URIs.
    pub(crate) fn client(&self, uris: &[&str]) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        let (certificate, key) = self.issue(params, ExtendedKeyUsagePurpose::ClientAuth);
        Identity::from_pem(certificate, key)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> (String, String) {
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// Somebody who takes part.
pub(crate) struct Person {
    pub(crate) id: ParticipantId,
    pub(crate) role: Role,
    pub(crate) name: &'static str,
    pub(crate) signer: LocalSigner,
}

/// The root that vouches for everybody, and makes the policy.
pub(crate) fn root() -> LocalSigner {
    LocalSigner::from_seed(&Zeroizing::new([0xaa; 32]))
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// A version 4 UUID out of a number.
pub(crate) fn uetr(number: u64) -> Uetr {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[6] = 0x40;
    bytes[8] |= 0x80;
    Uetr(bytes)
}

impl Person {
    pub(crate) fn new(id: u32, role: Role, name: &'static str) -> Self {
        let signer = LocalSigner::from_seed(&Zeroizing::new([id as u8; 32]));
        Self { id: ParticipantId(id), role, name, signer }
    }

    pub(crate) fn participant(&self) -> Participant {
        Participant {
            id: self.id,
            role: self.role,
            name: self.name.to_owned(),
            country: self.country(),
            key: self.signer.public_key(),
        }
    }

    /// That in a bank's BIC; who has none is British.
    fn country(&self) -> [u8; 2] {
        if self.role == Role::Bank {
            self.name.as_bytes()[4..6].try_into().unwrap()
        } else {
            *b"GB"
        }
    }

    pub(crate) fn uri(&self) -> String {
        format!("spiffe://{TRUST_DOMAIN}/{}/{}", self.role.as_str(), self.name)
    }

    /// An order in EUR with a payload that says its number.
    pub(crate) fn header(&self, to: &Self, minor: u64, number: u64) -> OrderHeader {
        OrderHeader {
            urgent: false,
            pool: POOL,
            sender: self.id,
            receiver: to.id,
            uetr: uetr(number),
            kind: MessageKind::CustomerTransfer,
            class: 0,
            amount: Amount::new(minor, currency("EUR")).unwrap(),
            value_date: ValueDate::new(DAY).unwrap(),
            policy_version: 0,
            created_at_ms: START_MS,
            not_before_ms: 0,
            not_after_ms: 0,
            link: None,
            sealing: None,
            fx: None,
            payload_len: 8,
        }
    }

    pub(crate) fn order(&self, to: &Self, minor: u64, number: u64) -> v1::Order {
        order(&self.header(to, minor, number), &number.to_be_bytes())
    }

    /// A batch of orders with the signature over them.
    pub(crate) fn batch(&self, batch_id: u64, orders: Vec<v1::Order>) -> v1::SubmitBatchesRequest {
        let signature = self.sign_orders(&orders);
        v1::SubmitBatchesRequest { batch_id, orders, signature, receipt_only: false }
    }

    pub(crate) fn single(&self, order: v1::Order) -> v1::SubmitPaymentRequest {
        let signature = self.sign_orders(std::slice::from_ref(&order));
        v1::SubmitPaymentRequest { order: Some(order), signature, receipt_only: false }
    }

    pub(crate) fn sign_orders(&self, orders: &[v1::Order]) -> bytes::Bytes {
        let digests: Vec<_> =
            orders.iter().map(|order| order_digest(&order.header, &order.payload)).collect();
        let root = merkle_root(digests.iter().map(<[u8; 32]>::as_slice));
        let count = u32::try_from(orders.len()).unwrap();
        let statement = batch_statement(POOL, self.id, count, &root);
        self.signer.sign(&statement).unwrap().to_vec().into()
    }

    /// A command with the signature over it.
    pub(crate) fn command(&self, request: u64, body: CommandBody) -> v1::ExecuteCommandRequest {
        self.command_at(request, START_MS, body)
    }

    pub(crate) fn command_at(
        &self,
        request: u64,
        issued_at_ms: u64,
        body: CommandBody,
    ) -> v1::ExecuteCommandRequest {
        let mut request_id = [0; 16];
        request_id[..4].copy_from_slice(&self.id.0.to_be_bytes());
        request_id[8..].copy_from_slice(&request.to_be_bytes());
        let command = Command {
            pool: POOL,
            request_id: RequestId(request_id),
            maker: self.id,
            issued_at_ms,
            body,
        };
        self.signed(&command.encode())
    }

    /// Agrees to somebody else's command.
    pub(crate) fn check(&self, request: &mut v1::ExecuteCommandRequest) {
        let signature = self.signer.sign(&command_statement(&request.command)).unwrap();
        request.checker = self.id.0;
        request.checker_signature = signature.to_vec().into();
    }

    pub(crate) fn signed(&self, command: &[u8]) -> v1::ExecuteCommandRequest {
        let signature = self.signer.sign(&command_statement(command)).unwrap();
        v1::ExecuteCommandRequest {
            command: command.to_vec().into(),
            signature: signature.to_vec().into(),
            checker: 0,
            checker_signature: bytes::Bytes::new(),
        }
    }
}

pub(crate) fn order(header: &OrderHeader, payload: &[u8]) -> v1::Order {
    v1::Order { header: header.encode().to_vec().into(), payload: payload.to_vec().into() }
}
