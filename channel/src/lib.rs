//! What parties sign: canonical orders and commands, digests, receipts, decisions.
