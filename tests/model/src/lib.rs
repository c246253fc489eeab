//! althing-model
