//! The proof through the front door: every page asked as a browser or a program would, against a
//! fresh database each. One program, so that the rooms' pages are linked once.

#![expect(clippy::unwrap_used, reason = "what a test sets up either is there or fails it")]

mod activation;
mod cadres;
mod children;
mod closings;
mod codes;
mod crawl;
mod doors;
mod engine;
mod exceptions;
mod exports;
mod faces;
mod furnished;
mod graduation;
mod guessing;
mod health;
mod imports;
mod inbox;
mod kit;
mod once;
mod ops;
mod pages;
mod relocations;
mod safety;
mod sessions;
mod sign_in;
mod texts;
mod tokens;
mod transfers;
mod transfers_in;
mod trouble;
