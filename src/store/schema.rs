//! The tables, as diesel sees them; `migrations/` makes them.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! { changes (topic) { topic -> Text, version -> BigInt, } }
table! { seals (name) { name -> Text, sealed -> Text, } }
table! {
    resources (kind, id) {
        kind -> Text,
        id -> Text,
        version -> BigInt,
        updated_at -> BigInt,
        changed -> BigInt,
        deleted -> Bool,
        body -> Text,
        secret -> Nullable<Text>,
    }
}
table! {
    users (id) {
        id -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        last_login_at -> Nullable<BigInt>,
        active -> Bool,
        username -> Nullable<Text>,
        email -> Nullable<Text>,
        email_verified -> Bool,
        login_name -> Nullable<Text>,
        login_email -> Nullable<Text>,
        name -> Text,
        profile -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
    }
}
table! {
    links (idp, subject) {
        idp -> Text,
        subject -> Text,
        user_id -> Text,
        created_at -> BigInt,
    }
}
table! {
    user_roles (id) {
        id -> Text,
        user_id -> Text,
        role_id -> Text,
        organization_id -> Text,
        source -> Text,
        created_at -> BigInt,
    }
}
table! {
    logins (id) {
        id -> Text,
        binding -> Text,
        upstream_state -> Nullable<Text>,
        handle -> Nullable<Text>,
        body -> Text,
        expires_at -> BigInt,
    }
}
table! {
    browser_sessions (id) {
        id -> Text,
        cookie -> Text,
        user_id -> Text,
        idp -> Nullable<Text>,
        auth_time -> BigInt,
        amr -> Text,
        acr -> Nullable<Text>,
        upstream -> Text,
        created_at -> BigInt,
        used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        upstream_key -> Nullable<Text>,
    }
}
table! {
    logouts (id) {
        id -> Text,
        idp -> Text,
        binding -> Text,
        redirect -> Nullable<Text>,
        handle -> Nullable<Text>,
        complaint -> Nullable<Text>,
        expires_at -> BigInt,
        member -> Text,
    }
}
table! {
    registration_tokens (digest) {
        digest -> Text,
        name -> Text,
        organization -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        uses_left -> BigInt,
    }
}
table! {
    registrations (client_id) {
        client_id -> Text,
        digest -> Text,
        registered_at -> BigInt,
        token -> Text,
    }
}
table! {
    devices (device) {
        device -> Text,
        user_code -> Text,
        client_id -> Text,
        request -> Text,
        pace -> BigInt,
        polled_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        grant_id -> Nullable<Text>,
        expires_at -> BigInt,
    }
}
table! {
    logout_notices (session_id, client_id) {
        session_id -> Text,
        client_id -> Text,
        user_id -> Text,
        created_at -> BigInt,
        due_at -> Nullable<BigInt>,
        attempts -> BigInt,
        told_at -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}
table! {
    grants (id) {
        id -> Text,
        code -> Text,
        client_id -> Text,
        user_id -> Text,
        session_id -> Text,
        request -> Text,
        code_expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        expires_at -> BigInt,
        offline -> Nullable<Text>,
        jkt -> Nullable<Text>,
    }
}
table! {
    refresh_tokens (digest) {
        digest -> Text,
        grant_id -> Text,
        issued_at -> BigInt,
        expires_at -> BigInt,
        rotated_at -> Nullable<BigInt>,
        successor -> Nullable<Text>,
    }
}
table! {
    access_tokens (digest) {
        digest -> Text,
        claims -> Text,
        expires_at -> BigInt,
    }
}
table! {
    signing_keys (kid) {
        kid -> Text,
        purpose -> Text,
        alg -> Text,
        state -> Text,
        sealed -> Text,
        certificate -> Nullable<Text>,
        created_at -> BigInt,
        state_since -> BigInt,
    }
}
table! { replays (digest) { digest -> Text, expires_at -> BigInt, } }
table! {
    traces (reference) {
        reference -> Text,
        login -> Nullable<Text>,
        at -> BigInt,
        outcome -> Text,
        idp -> Nullable<Text>,
        client_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        body -> Text,
    }
}
table! {
    throttles (subject) { subject -> Text, failures -> BigInt, last_at -> BigInt, }
}
table! {
    invitations (digest) {
        digest -> Text,
        user_id -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}
table! {
    audit_heads (node) {
        node -> Text,
        opened_at -> BigInt,
        sequence -> BigInt,
        hash -> Text,
        signature -> Text,
    }
}
table! {
    audit_records (node, sequence) {
        node -> Text,
        sequence -> BigInt,
        at -> BigInt,
        body -> Text,
        hash -> Text,
    }
}
table! {
    fetched (idp) {
        idp -> Text,
        url -> Text,
        fetched_at -> BigInt,
        body -> Text,
        draining -> Text,
    }
}
table! {
    refreshes (idp) {
        idp -> Text,
        url -> Text,
        due_at -> BigInt,
        asked_at -> BigInt,
        checked_at -> Nullable<BigInt>,
        failures -> BigInt,
        error -> Nullable<Text>,
        etag -> Nullable<Text>,
        modified -> Nullable<Text>,
        held -> Nullable<Text>,
        held_at -> Nullable<BigInt>,
        settled -> Nullable<Text>,
    }
}
table! {
    member_uses (idp, entity_id) { idp -> Text, entity_id -> Text, used_at -> BigInt, }
}
table! { told_terms (subject) { subject -> Text, level -> BigInt, } }
table! {
    federations (idp) {
        idp -> Text,
        basis -> Text,
        generation -> BigInt,
        fetched_at -> BigInt,
        entities -> BigInt,
        passed_over -> BigInt,
    }
}
table! {
    entities (idp, generation, entity_id) {
        idp -> Text,
        generation -> BigInt,
        entity_id -> Text,
        name -> Text,
        search -> Text,
        xml -> Text,
        draining -> Text,
    }
}
table! {
    pushed_requests (digest) {
        digest -> Text,
        client_id -> Text,
        body -> Text,
        browser -> Nullable<Text>,
        expires_at -> BigInt,
    }
}
table! {
    consents (user_id, client_id) {
        user_id -> Text,
        client_id -> Text,
        scopes -> Text,
        given_at -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(browser_sessions, grants);
