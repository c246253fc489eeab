//! althing-driver
