//! The second verifier, in another language by the specifications alone.
