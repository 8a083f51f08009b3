//! `oidcc-basic-certification-test-plan`: Basic OP.

super::basic_plan! { "query" }
