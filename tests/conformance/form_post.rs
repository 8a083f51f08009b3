//! `oidcc-formpost-basic-certification-test-plan`: the modules of Basic OP, every answer by `form_post`.

super::basic_plan! { "form_post" }
