//! althing-ffi
