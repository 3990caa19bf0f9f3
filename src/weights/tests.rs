//! Model files that are refused, and the embedded one.
