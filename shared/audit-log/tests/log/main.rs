//! The promises of the audit log: published vectors, other people's readings of the same formats, and every way of tampering.
#![cfg(test)]

mod golden;
mod oracles;
mod python;
mod semantics;
mod shelf;
mod story;
mod tampering;
mod vectors;
