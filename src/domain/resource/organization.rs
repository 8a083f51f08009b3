//! `Organization`: a tenant, a hospital or a department.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Invalid, check_name, check_slug, read};
use crate::domain::words::OrganizationId;

/// A tenant. Owns domains, identity providers and role assignments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<OrganizationId>,
    pub name: String,
    /// E-mail domains, lower case; a person who types an address of one is sent to its providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
}

impl Organization {
    pub(super) fn parse(value: Value) -> Result<Self, Invalid> {
        let mut organization: Self = read(value)?;
        check_slug(organization.id.as_ref().map(OrganizationId::as_str))?;
        check_name(&organization.name)?;
        for (index, domain) in organization.domains.iter_mut().enumerate() {
            *domain = domain.trim().to_lowercase();
            if !is_domain(domain) {
                return Err(Invalid::new(format!("domains[{index}]"), "is not a domain name"));
            }
        }
        Ok(organization)
    }
}

/// Labels of letters, digits and `-` with a dot between them.
fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}
