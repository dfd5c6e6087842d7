//! The proof through the front door: every page asked as a browser or a program would, against a
//! fresh database each. One program, so that the rooms' pages are linked once.

mod activation;
mod doors;
mod kit;
mod once;
mod sessions;
mod sign_in;
mod trouble;
