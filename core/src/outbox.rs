//! The one output queue shape of every machine, and the one shape of what is stored.

use std::collections::VecDeque;

/// Outputs of a machine, first in first out. The owner drains it after every input, so its length
/// is bounded by what one input can cause.
#[derive(Debug)]
pub struct Outbox<T> {
    queue: VecDeque<T>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
        }
    }
}

impl<T> Outbox<T> {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one output.
    pub fn push(&mut self, output: T) {
        self.queue.push_back(output);
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Whether everything was drained.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Outputs waiting.
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}

impl<T> Extend<T> for Outbox<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, iter: I) {
        self.queue.extend(iter);
    }
}

/// One key of the store with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key; an equal key is replaced.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}
