//! althing-world
