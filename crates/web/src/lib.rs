//! The pages of tuanjian and the server around them. The program itself is `main.rs`.

pub mod answer;
pub mod error;
pub mod face;
pub mod form;
pub mod frame;
pub mod help;
pub mod home;
pub mod imports;
pub mod inbox;
pub mod jobs;
pub mod me;
pub mod members;
pub mod messages;
pub mod meta;
pub mod orgs;
pub mod people;
pub mod relocations;
mod replay;
pub mod routes;
pub mod search;
pub mod serve;
pub mod setup;
pub mod site;
pub mod stats;
pub mod transfers;
pub mod users;
pub mod visit;
