//! Who may do what: roles, where they hold, and who may hand them on.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    mapping::GrantedRole,
    resource::{Permission, Role},
    words::{OrganizationId, RoleId},
};

/// The built-in role that may do everything.
pub const ADMINISTRATOR: &str = "administrator";
/// The built-in role that may read everything, the audit log included.
pub const AUDITOR: &str = "auditor";

/// The roles that exist without being created and cannot be changed.
#[must_use]
pub fn built_in() -> [Role; 2] {
    let role = |id: &str, name: &str, description: &str, action: &str| Role {
        id: Some(id.into()),
        name: name.to_owned(),
        description: description.to_owned(),
        permissions: vec![Permission { resource: "*".into(), actions: vec![action.to_owned()] }],
    };
    [
        role(ADMINISTRATOR, "Administrator", "May do everything", "*"),
        role(AUDITOR, "Auditor", "May read everything, the audit log included", "read"),
    ]
}

#[must_use]
pub fn is_built_in(role: &RoleId) -> bool {
    [ADMINISTRATOR, AUDITOR].contains(&role.as_str())
}

/// The roles that hold in `organization`: those given everywhere, and those given there.
///
/// With no organization only those given everywhere hold; never another organization's.
#[must_use]
pub fn effective(given: &[GrantedRole], organization: Option<&OrganizationId>) -> BTreeSet<RoleId> {
    let holds = |grant: &&GrantedRole| match &grant.organization {
        None => true,
        Some(home) => Some(home) == organization,
    };
    given.iter().filter(holds).map(|grant| grant.role.clone()).collect()
}

/// What an author may do everywhere or in one organization, and so what he may hand on.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    everywhere: Vec<Permission>,
    inside: BTreeMap<OrganizationId, Vec<Permission>>,
}

impl Powers {
    /// Of a person who has these roles.
    pub fn of<'r>(given: &[GrantedRole], find: impl Fn(&RoleId) -> Option<&'r Role>) -> Self {
        let mut powers = Self::default();
        for grant in given {
            let Some(role) = find(&grant.role) else { continue };
            let place = match &grant.organization {
                None => &mut powers.everywhere,
                Some(organization) => powers.inside.entry(organization.clone()).or_default(),
            };
            place.extend(role.permissions.iter().cloned());
        }
        powers
    }

    /// Of whoever works on the database directly: everything.
    #[must_use]
    pub fn unlimited() -> Self {
        let [administrator, _] = built_in();
        Self { everywhere: administrator.permissions, inside: BTreeMap::new() }
    }

    /// Whether `action` on resources of type `resource` is permitted in `organization`.
    #[must_use]
    pub fn permit(
        &self,
        resource: &str,
        action: &str,
        organization: Option<&OrganizationId>,
    ) -> bool {
        let inside = organization.and_then(|organization| self.inside.get(organization));
        let all = self.everywhere.iter().chain(inside.into_iter().flatten());
        let had = all.filter(|permission| covers_type(&permission.resource, resource));
        let had: BTreeSet<char> = had.flat_map(|permission| letters(&permission.actions)).collect();
        letters(&[action.to_owned()]).iter().all(|letter| had.contains(letter))
    }

    /// Whether every permission of `role` is one that the author has there. Nobody grants what he lacks.
    #[must_use]
    pub fn may_grant(&self, role: &Role, organization: Option<&OrganizationId>) -> bool {
        role.permissions.iter().all(|permission| {
            permission
                .actions
                .iter()
                .all(|action| self.permit(&permission.resource, action, organization))
        })
    }
}

fn covers_type(had: &str, asked: &str) -> bool {
    had == "*" || had == asked
}

/// Actions as SMART letters: `read` is `rs`, `write` is `cu`, `delete` is `d`, `*` is all of them.
fn letters(actions: &[String]) -> BTreeSet<char> {
    let of = |action: &String| match action.as_str() {
        "read" => "rs",
        "write" => "cu",
        "delete" => "d",
        "*" => "cruds",
        "c" => "c",
        "r" => "r",
        "u" => "u",
        "d" => "d",
        "s" => "s",
        // An unknown word must never be covered by what somebody has.
        _ => "?",
    };
    actions.iter().flat_map(|action| of(action).chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, resource: &str, actions: &[&str]) -> Role {
        let actions = actions.iter().map(ToString::to_string).collect();
        let permissions = vec![Permission { resource: resource.into(), actions }];
        Role { id: Some(id.into()), name: id.into(), description: String::new(), permissions }
    }

    fn granted(role: &str, organization: Option<&str>) -> GrantedRole {
        GrantedRole { role: role.into(), organization: organization.map(Into::into) }
    }

    #[test]
    fn roles_of_one_organization_never_hold_in_another() {
        let given = [granted("staff", None), granted("physician", Some("a"))];
        let ids = |organization: Option<&str>| {
            let organization = organization.map(OrganizationId::from);
            effective(&given, organization.as_ref()).into_iter().map(|r| r.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(Some("a")), ["physician", "staff"]);
        assert_eq!(ids(Some("b")), ["staff"]);
        assert_eq!(ids(None), ["staff"]);
    }

    #[test]
    fn nobody_grants_what_he_lacks() {
        let [administrator, auditor] = built_in();
        let physician = role("physician", "Patient", &["read", "write"]);
        let reader = role("reader", "Patient", &["r"]);
        let roles = [administrator.clone(), auditor.clone(), physician.clone(), reader.clone()];
        let find = |id: &RoleId| roles.iter().find(|role| role.id.as_ref() == Some(id));
        let home = OrganizationId::from("a");
        let local = Powers::of(&[granted("physician", Some("a"))], find);
        for (powers, role, organization, expected) in [
            (Powers::of(&[granted("administrator", None)], find), &administrator, None, true),
            (Powers::of(&[granted("auditor", None)], find), &administrator, None, false),
            (Powers::of(&[granted("auditor", None)], find), &reader, None, true),
            (local.clone(), &reader, Some(&home), true),
            (local.clone(), &reader, None, false),
            (local, &auditor, Some(&home), false),
            (Powers::unlimited(), &administrator, None, true),
        ] {
            assert_eq!(powers.may_grant(role, organization), expected, "{}", role.name);
        }
    }

    #[test]
    fn write_includes_neither_read_nor_delete() {
        let writer = role("w", "Patient", &["write"]);
        let powers = Powers::of(&[granted("w", None)], |_| Some(&writer));
        for (action, expected) in
            [("write", true), ("c", true), ("read", false), ("delete", false), ("fly", false)]
        {
            assert_eq!(powers.permit("Patient", action, None), expected, "{action}");
        }
        assert!(!powers.permit("Encounter", "write", None));
    }
}
