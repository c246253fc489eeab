//! Sequences that carry their limit in their type: a longer one does not decode, and nothing is
//! allocated for it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Room that a sequence is given on the word of its sender, bytes. Short ones need no more, and a
/// lie costs no more.
pub(super) const TRUSTED_ROOM: usize = 512;

/// More elements than the type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} elements, at most {max} are allowed")]
pub struct Full {
    /// Elements offered.
    pub len: usize,
    /// Elements allowed.
    pub max: usize,
}

/// A vector of at most `N` elements.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoundedVec<T, const N: usize>(Vec<T>);

/// At most `N` bytes.
pub type Bytes<const N: usize> = BoundedVec<u8, N>;

impl<T, const N: usize> BoundedVec<T, N> {
    /// No elements.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes `elements`, unless there are more than `N`.
    pub fn from_vec(elements: Vec<T>) -> Result<Self, Full> {
        if elements.len() > N {
            return Err(Full {
                len: elements.len(),
                max: N,
            });
        }
        Ok(Self(elements))
    }

    /// Takes the first `N` of `elements`.
    pub fn truncating(mut elements: Vec<T>) -> Self {
        elements.truncate(N);
        Self(elements)
    }

    /// Appends `element`, unless there are `N` already.
    pub fn push(&mut self, element: T) -> Result<(), Full> {
        if self.0.len() == N {
            return Err(Full { len: N + 1, max: N });
        }
        self.0.push(element);
        Ok(())
    }

    /// The elements.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const N: usize> Default for BoundedVec<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Deref for BoundedVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for BoundedVec<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize, const N: usize> Serialize for BoundedVec<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for BoundedVec<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
            type Value = BoundedVec<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {N} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                // The announced length is the sender's claim: beyond a little room, elements are
                // paid for by bytes that really arrived.
                let claimed = seq.size_hint().unwrap_or(0);
                if claimed > N {
                    return Err(de::Error::custom("too many elements"));
                }
                let room = TRUSTED_ROOM / size_of::<T>().max(1);
                let mut elements = Vec::with_capacity(claimed.min(room));
                while let Some(element) = seq.next_element()? {
                    if elements.len() == N {
                        return Err(de::Error::custom("too many elements"));
                    }
                    elements.push(element);
                }
                Ok(BoundedVec(elements))
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}
