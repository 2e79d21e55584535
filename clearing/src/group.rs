//! Link groups: payments that settle together or not at all.
//!
//! A group begins with its first member and ends when all its members have settled or left. Its
//! members join their queues together, once all are there and each could join on its own.
//!
//! A group's number is the manifest of its members ([`channel::link_group`]), so whoever signed one
//! of them signed the terms of all. Until the last one comes the core does not know the others'
//! terms; then it does, and if they do not give the number, all of them leave with
//! `LINK_GROUP_MISMATCH`. Which one is false cannot be told from the number, and to keep some of
//! them would let a false one that came first have the true ones turned away. So a stranger who
//! was told the number can break a group, as each of its members can, but never alter it.

use std::collections::BTreeMap;

use channel::{DecodeError, Reader};

use crate::payment::Slot;
use crate::record::Place;

/// What makes payments a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GroupId {
    /// Their senders linked them: the manifest of the members.
    Link([u8; 16]),
    /// They are what a match moves: of the FX payment at this place, or of the later of two
    /// instructions. Nobody else can join, whatever number they choose.
    Match(Place),
}

impl GroupId {
    /// `kind u8 ‖ number [16]`; a place stands in the last eight bytes.
    pub(crate) fn to_bytes(self) -> [u8; 17] {
        let mut bytes = [1; 17];
        match self {
            Self::Link(number) => bytes[1..].copy_from_slice(&number),
            Self::Match(place) => {
                bytes[..9].copy_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0]);
                bytes[9..].copy_from_slice(&place.0.to_be_bytes());
            }
        }
        bytes
    }

    /// The inverse of [`GroupId::to_bytes`].
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("group kind")? {
            1 => Ok(Self::Link(reader.array("group")?)),
            2 if reader.u64("group")? == 0 => Ok(Self::Match(Place(reader.u64("group")?))),
            _ => Err(DecodeError::Range { field: "group kind" }),
        }
    }
}

/// A group that has not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    /// How many members it must have.
    pub(crate) size: u8,
    /// Those that came, in the order of their places.
    pub(crate) members: Vec<Slot>,
    /// Those of them that only wait for the others.
    pub(crate) ready: u8,
}

impl Group {
    /// All are there and ready.
    pub(crate) fn complete(&self) -> bool {
        self.ready == self.size
    }
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    slab: Vec<Option<Group>>,
    free: Vec<u32>,
    by_id: BTreeMap<GroupId, u32>,
}

impl Groups {
    /// Whether another member fits into a group of this number and size.
    pub(crate) fn fits(&self, id: &GroupId, size: u8) -> bool {
        match self.by_id.get(id) {
            None => true,
            Some(handle) => {
                let group = self.get(*handle);
                group.size == size && group.members.len() < usize::from(size)
            }
        }
    }

    /// The handle of the group of this number, if it lacks but one member.
    pub(crate) fn one_short(&self, id: &GroupId) -> Option<u32> {
        let handle = *self.by_id.get(id)?;
        let group = self.get(handle);
        (group.members.len() + 1 == usize::from(group.size)).then_some(handle)
    }

    /// Adds a member; [`Groups::fits`] must hold. Returns the group's handle.
    pub(crate) fn add(&mut self, id: GroupId, size: u8, member: Slot) -> u32 {
        let handle = match self.by_id.get(&id) {
            Some(handle) => *handle,
            None => self.begin(Group { id, size, members: Vec::new(), ready: 0 }),
        };
        self.get_mut(handle).members.push(member);
        handle
    }

    fn begin(&mut self, group: Group) -> u32 {
        let id = group.id;
        let handle = match self.free.pop() {
            Some(handle) => {
                self.slab[handle as usize] = Some(group);
                handle
            }
            None => {
                self.slab.push(Some(group));
                (self.slab.len() - 1) as u32
            }
        };
        self.by_id.insert(id, handle);
        handle
    }

    pub(crate) fn get(&self, handle: u32) -> &Group {
        self.slab[handle as usize]
            .as_ref()
            .unwrap_or_else(|| unreachable!("a handle is kept only while its group is there"))
    }

    pub(crate) fn get_mut(&mut self, handle: u32) -> &mut Group {
        self.slab[handle as usize]
            .as_mut()
            .unwrap_or_else(|| unreachable!("a handle is kept only while its group is there"))
    }

    /// Ends a group; nothing if it has ended.
    pub(crate) fn remove(&mut self, handle: u32) -> Option<Group> {
        let group = self.slab[handle as usize].take()?;
        self.by_id.remove(&group.id);
        self.free.push(handle);
        Some(group)
    }

    /// All groups, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.by_id.values().map(|handle| self.get(*handle))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
