//! `Role`: a named set of permissions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invalid, check_name, check_slug, read};
use crate::domain::words::RoleId;

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RoleId>,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

/// What may be done with resources of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permission {
    /// A resource type, or `*`.
    pub resource: String,
    /// Of `read`, `write`, `delete`, `*` and the SMART letters `c r u d s`.
    pub actions: Vec<String>,
}

const ACTIONS: [&str; 9] = ["read", "write", "delete", "*", "c", "r", "u", "d", "s"];

impl Role {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
        let role: Self = read(value)?;
        check_slug(role.id.as_ref().map(RoleId::as_str))?;
        check_name(&role.name)?;
        for (index, permission) in role.permissions.iter().enumerate() {
            permission
                .check()
                .map_err(|invalid| invalid.below(&format!("permissions[{index}]")))?;
        }
        Ok(role)
    }
}

impl Permission {
    fn check(&self) -> Result<(), Invalid> {
        let word = |c: char| c.is_ascii_alphanumeric();
        if self.resource != "*" && (self.resource.is_empty() || !self.resource.chars().all(word)) {
            return Err(Invalid::new("resource", "is a resource type or `*`"));
        }
        if self.actions.is_empty() {
            return Err(Invalid::new("actions", "is empty"));
        }
        match self.actions.iter().position(|action| !ACTIONS.contains(&action.as_str())) {
            None => Ok(()),
            Some(index) => Err(Invalid::new(
                format!("actions[{index}]"),
                format!("`{}` is none of {}", self.actions[index], ACTIONS.join(", ")),
            )),
        }
    }
}
