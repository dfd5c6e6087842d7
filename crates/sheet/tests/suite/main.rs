//! What the crate promises about content, damage and the way there and back.
//! Memory and time are measured in `bounds`, in a process of its own.

#[path = "../craft/mod.rs"]
mod craft;

mod content;
mod damaged;
mod roundtrip;
