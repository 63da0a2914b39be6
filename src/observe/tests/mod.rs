//! What the tests of this folder and of the loop have in common.

pub mod fixture;
