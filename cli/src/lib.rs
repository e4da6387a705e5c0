pub mod engine;
pub mod replay;
