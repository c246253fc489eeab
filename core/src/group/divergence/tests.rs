//! Evidence: what it proves, and to whom.
