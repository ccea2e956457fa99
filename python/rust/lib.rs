//! The extension module `toolfront._core`: the client, the agent and the command line of the workspace, for the Python
//! package around it. Private to that package, whose Python code has the types, the documentation and pydantic.
//!
//! A call is written once, as a future. Python either waits for it, with the interpreter released and signals looked
//! after, or is called back when it is done: see `calls`. Importing the module starts nothing; the runtime and its threads
//! begin with the first call.

mod application;
mod asking;
mod calls;
mod command_line;
mod faults;
mod gateway;
mod model;
mod runtime;

use pyo3::prelude::*;

/// The native part of the package. Private: use `toolfront`.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::application::Application;
    #[pymodule_export]
    use crate::asking::Cancellation;
    #[pymodule_export]
    use crate::calls::Task;
    #[pymodule_export]
    use crate::command_line::{launcher_main, run_command_line};
    #[pymodule_export]
    use crate::gateway::Gateway;
    #[pymodule_export]
    use crate::model::Reply;
    #[pymodule_export]
    use crate::runtime::{shut_down, thread_count};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
