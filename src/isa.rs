//! The choice of the instruction set that the kernels run on.

use mtcnn_kernels::Isa;

use crate::error::{Error, Result};

/// The environment variable that forces an instruction set.
pub const VARIABLE: &str = "MTCNN_CPU_ISA";

/// The instruction set that [`VARIABLE`] names, or else the best that this machine has.
///
/// # Errors
/// If the variable's value is no instruction set, or one that this machine lacks.
pub fn from_env() -> Result<Isa> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(Isa::best());
    };
    let value = value.to_string_lossy();
    let refuse = |reason: &dyn std::fmt::Display| Error::option(format_args!("{VARIABLE}={value}: {reason}"));
    match value.parse::<Isa>() {
        Err(unknown) => Err(refuse(&unknown)),
        Ok(isa) if !isa.is_available() => Err(refuse(&"this machine lacks it")),
        Ok(isa) => Ok(isa),
    }
}
