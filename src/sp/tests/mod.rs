//! The corpus of responses in `tests/sp_responses`, run against this room with every rule in force, and
//! again with rules lifted, to show what each of them keeps out.
//!
//! Comes in: recipes, one a file, whose names say what is wrong. Each is followed with keys that exist for
//! one run only. Goes out: the exact refusal and its step in the trace, or the whole identity.
//!
//! Here and not in `tests/`, because rules are lifted by a switch that exists in unit tests only.

mod accepted;
mod corpus;
mod edits;
mod page;
mod recipe;
mod refused;
mod template;
mod verbs;
pub(super) mod weakened;
mod world;
