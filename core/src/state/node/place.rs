//! Nodes by their place, and nodes put together: what parts of a tree are cut out of and built from.

use std::sync::{Arc, OnceLock};

use super::Node;
use crate::state::Key;
use crate::state::key::{common, nibble};
use crate::wire::Nibbles;

impl Node {
    /// The node that holds exactly the keys below `place`, its path starting there.
    pub(in crate::state) fn at(node: &Arc<Self>, place: &Nibbles) -> Option<Arc<Self>> {
        let (bytes, len) = (place.packed(), place.len());
        let mut node = node;
        while node.end < len {
            node = node.child(nibble(bytes, node.end))?;
        }
        (common(node.key.as_bytes(), bytes, 0, len) == len).then(|| Self::starting(node, len))
    }

    /// A leaf whose path starts at nibble `start`.
    pub(in crate::state) fn leaf_at(key: Key, start: usize, value: Arc<[u8]>) -> Arc<Self> {
        Arc::new(Self::leaf(key, start, value))
    }

    /// The inner node from nibble `start` to `end` with a value at its own key and these children; none
    /// if there is neither, or if a tree of this content has another shape.
    pub(in crate::state) fn inner_at(
        start: usize,
        end: usize,
        value: Option<(Key, Arc<[u8]>)>,
        bitmap: u16,
        children: Vec<Arc<Self>>,
    ) -> Option<Arc<Self>> {
        if children.is_empty() || value.is_none() && children.len() < 2 {
            return None;
        }
        let (key, value) = match value {
            Some((key, value)) => (key, Some(value)),
            None => (children[0].key.clone(), None),
        };
        Some(Arc::new(Self {
            key,
            start,
            end,
            value,
            bitmap,
            children,
            hash: OnceLock::new(),
        }))
    }

    /// Its path.
    pub(in crate::state) fn path_nibbles(&self) -> Nibbles {
        let mut packed = [0; Key::LEN_MAX];
        let len = crate::state::key::pack(self.key.as_bytes(), self.start, self.end, &mut packed);
        Nibbles::from_packed(&packed[..len], self.end - self.start)
            .expect("a path is at most as long as a key, and packed with zeros")
    }

    /// Its own value, shared.
    pub(in crate::state) fn value(&self) -> Option<&Arc<[u8]>> {
        self.value.as_ref()
    }

    fn starting(node: &Arc<Self>, start: usize) -> Arc<Self> {
        if node.start == start {
            return node.clone();
        }
        let mut moved = Self::clone(node);
        moved.start = start;
        moved.hash = OnceLock::new();
        Arc::new(moved)
    }
}
