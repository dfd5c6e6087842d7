//! The reading child on its own, for the tests of this crate. The real program calls
//! [`sheet::child_main`] itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(sheet::CHILD_ARG) {
        sheet::child_main()
    } else {
        ExitCode::from(2)
    }
}
