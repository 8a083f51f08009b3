//! What a document refers to exists, and its author may give what it gives.

use std::collections::BTreeSet;

use super::{Author, WriteError};
use crate::{
    broker::configuration::resource_of,
    domain::{
        mapping::GrantedRole,
        resource::{
            ClientApplication, Configuration as Wire, IdentityProvider, Invalid, Organization, Ref,
            Resource, Role,
        },
        roles,
        words::{OrganizationId, RoleId},
    },
    store::{self, Tx},
};

pub(super) fn check_references(
    tx: &mut Tx<'_>,
    resource: &Resource,
    author: &Author,
) -> Result<(), WriteError> {
    match resource {
        Resource::Organization(organization) => check_domains_free(tx, organization),
        Resource::Role(role) => {
            let id = role.id.as_ref().map_or("", RoleId::as_str);
            if roles::is_built_in(&id.into()) {
                return Err(WriteError::Forbidden(format!("Role/{id} is built in")));
            }
            check_has(author, role, None)
        }
        Resource::IdentityProvider(provider) => {
            check_organization(tx, "organization", provider.organization.as_ref())?;
            check_landing(tx, provider)?;
            for (index, rule) in provider.mapping.rules.iter().enumerate() {
                let path = format!("mapping.rules[{index}]");
                check_organization(
                    tx,
                    &format!("{path}.organization"),
                    rule.organization.as_ref(),
                )?;
                let organization = rule.organization.as_ref().map(|o| o.0.clone());
                let grant = GrantedRole { role: rule.role.0.clone(), organization };
                check_may_grant(tx, author, &grant).map_err(|e| at(e, &format!("{path}.role")))?;
            }
            Ok(())
        }
        Resource::ClientApplication(client) => check_client(tx, client, author),
        Resource::User(_) | Resource::UserRole(_) => Ok(()),
    }
}

/// An application that is there already is of the provider's organization. One that is not there yet may
/// come: it may name the provider itself, and one of the two has to be first.
fn check_landing(tx: &mut Tx<'_>, provider: &IdentityProvider) -> Result<(), WriteError> {
    let (Wire::Saml(saml), Some(home)) = (&provider.configuration, &provider.organization) else {
        return Ok(());
    };
    for (index, reference) in saml.idp_initiated.clients.iter().enumerate() {
        let id = reference.0.as_str();
        let Some(document) = store::resources::find(tx, "ClientApplication", id)? else { continue };
        let Ok(Resource::ClientApplication(client)) = resource_of(&document) else { continue };
        if client.organization.as_ref() != Some(home) {
            let path = format!("configuration.idpInitiated.clients[{index}]");
            let problem = format!("ClientApplication/{id} is not of Organization/{}", home.0);
            return Err(Invalid::new(path, problem).into());
        }
    }
    Ok(())
}

pub(super) fn check_client(
    tx: &mut Tx<'_>,
    client: &ClientApplication,
    author: &Author,
) -> Result<(), WriteError> {
    check_organization(tx, "organization", client.organization.as_ref())?;
    for (index, idp) in client.identity_providers.iter().enumerate() {
        if store::resources::find(tx, "IdentityProvider", idp.0.as_str())?.is_none() {
            let path = format!("identityProviders[{index}]");
            return Err(
                Invalid::new(path, format!("IdentityProvider/{} does not exist", idp.0)).into()
            );
        }
    }
    for (index, role) in client.roles.iter().enumerate() {
        let organization = client.organization.as_ref().map(|o| o.0.clone());
        let grant = GrantedRole { role: role.0.clone(), organization };
        check_may_grant(tx, author, &grant).map_err(|e| at(e, &format!("roles[{index}]")))?;
    }
    Ok(())
}

/// A missing role is a mistake at a path, not a missing page.
pub(super) fn at(error: WriteError, path: &str) -> WriteError {
    match error {
        WriteError::Missing(what) => Invalid::new(path, format!("{what} does not exist")).into(),
        other => other,
    }
}

/// Two organizations with one domain: nobody could say where its people belong.
pub(super) fn check_domains_free(
    tx: &mut Tx<'_>,
    organization: &Organization,
) -> Result<(), WriteError> {
    let own = organization.id.as_ref().map_or("", OrganizationId::as_str);
    let wanted: BTreeSet<&String> = organization.domains.iter().collect();
    if wanted.is_empty() {
        return Ok(());
    }
    for document in store::resources::changed_since(tx, -1)? {
        if document.kind != "Organization" || document.deleted || document.id == own {
            continue;
        }
        let Ok(Resource::Organization(other)) = resource_of(&document) else { continue };
        if let Some(taken) = other.domains.iter().find(|domain| wanted.contains(domain)) {
            let problem = format!("`{taken}` belongs to Organization/{}", document.id);
            return Err(Invalid::new("domains", problem).into());
        }
    }
    Ok(())
}

pub(super) fn check_organization(
    tx: &mut Tx<'_>,
    path: &str,
    reference: Option<&Ref<OrganizationId>>,
) -> Result<(), WriteError> {
    let Some(reference) = reference else { return Ok(()) };
    let id = reference.0.as_str();
    if store::resources::find(tx, "Organization", id)?.is_some() {
        return Ok(());
    }
    Err(Invalid::new(path, format!("Organization/{id} does not exist")).into())
}

pub(super) fn find_role(tx: &mut Tx<'_>, id: &RoleId) -> Result<Role, WriteError> {
    if let Some(role) = roles::built_in().into_iter().find(|role| role.id.as_ref() == Some(id)) {
        return Ok(role);
    }
    let document = store::resources::find(tx, "Role", id.as_str())?;
    match document.as_ref().map(resource_of) {
        Some(Ok(Resource::Role(role))) => Ok(role),
        _ => Err(WriteError::Missing(format!("Role/{id}"))),
    }
}

pub(super) fn check_may_grant(
    tx: &mut Tx<'_>,
    author: &Author,
    grant: &GrantedRole,
) -> Result<(), WriteError> {
    let role = find_role(tx, &grant.role)?;
    check_has(author, &role, grant.organization.as_ref())
}

/// Nobody grants what he lacks.
pub(super) fn check_has(
    author: &Author,
    role: &Role,
    organization: Option<&OrganizationId>,
) -> Result<(), WriteError> {
    if author.powers.may_grant(role, organization) {
        return Ok(());
    }
    Err(WriteError::Forbidden(format!("you cannot give more than you have: {}", role.name)))
}
