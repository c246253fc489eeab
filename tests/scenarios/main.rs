//! One test binary, one behaviour per file.

mod tidy;
