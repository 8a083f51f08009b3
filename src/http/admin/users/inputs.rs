//! The inputs of an account.

use serde_json::{Value, json};

use super::super::sheet::{Group, Input, Kind};

/// What a new account begins with.
pub fn blank() -> Value {
    json!({ "resourceType": "User", "active": true })
}

/// The form; a new account is active, and its password need not be there.
pub fn groups(new: bool) -> Vec<Group> {
    vec![person(), sign_in(new), reach()]
}

fn person() -> Group {
    Group::new(
        "Person",
        vec![
            Input::new("name.0.given", "Given names", Kind::Words),
            Input::text("name.0.family", "Family name"),
            Input::text("name.0.text", "Name as it is shown")
                .hint("Left empty: given names and family name."),
        ],
    )
}

fn reach() -> Group {
    let inputs = vec![
        Input::new("phone", "Telephone", Kind::Text("tel")),
        Input::new("address.line", "Street", Kind::Lines),
        Input::text("address.postalCode", "Postal code"),
        Input::text("address.city", "City"),
        Input::text("address.state", "State or region"),
        Input::text("address.country", "Country"),
    ];
    Group::new("Reaching the person", inputs)
        .lead("Told to applications that have the scopes phone and address.")
}

fn sign_in(new: bool) -> Group {
    let password = Input::new("password", "Password", Kind::Secret);
    let mut inputs = vec![
        Input::new("email", "E-mail address", Kind::Text("email")),
        Input::text("username", "Username"),
        password.hint(if new {
            "Only for people who sign in here; whoever comes from a provider needs none. At least 15 \
             characters, or at least 8 with a capital, a small letter and a digit."
        } else {
            "Leave empty to keep the present one."
        }),
    ];
    if !new {
        inputs.push(
            Input::flag("active", "Active")
                .hint("Without, the person cannot sign in, and every session ends at once."),
        );
    }
    Group::new("Signing in", inputs).lead("An e-mail address or a username is needed.")
}
