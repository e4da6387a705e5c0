//! The audit log: a transparency log that a stranger can verify with a folder and a public key.
//!
//! - [`tree`]: the Merkle tree of RFC 6962, its proofs and their verification;
//! - [`tile`]: its layout as files, C2SP `tlog-tiles`;
//! - [`edge`]: appending to it;
//! - [`note`], [`checkpoint`]: what is signed, C2SP `signed-note`, `tlog-checkpoint`, `tlog-cosignature`;
//! - [`leaf`]: what stands in a leaf; these bytes are for ever;
//! - [`proof`]: one leaf with all that proves it, in one file, C2SP `tlog-proof`;
//! - [`verify`]: reads a folder and believes nothing.
//!
//! No SDK, no runtime, no clock, no randomness, no network: files enter through [`folder::Folder`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod checkpoint;
pub mod edge;
pub mod folder;
pub mod leaf;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod verify;
