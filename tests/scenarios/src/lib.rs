//! althing-scenarios
