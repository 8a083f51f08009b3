//! `{ "reference": "Role/physician" }`, typed by what it points at.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::domain::words::{ClientId, IdpId, OrganizationId, RoleId, UserId};

/// The resource type that an identifier belongs to.
pub trait ResourceType {
    const NAME: &'static str;
}

impl ResourceType for OrganizationId {
    const NAME: &'static str = "Organization";
}
impl ResourceType for RoleId {
    const NAME: &'static str = "Role";
}
impl ResourceType for UserId {
    const NAME: &'static str = "User";
}
impl ResourceType for ClientId {
    const NAME: &'static str = "ClientApplication";
}
impl ResourceType for IdpId {
    const NAME: &'static str = "IdentityProvider";
}

/// A FHIR reference to a resource named by `Id` (FHIR R4 §2.3, `Reference.reference`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ref<Id>(pub Id);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<Id> {
    reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<String>,
    #[serde(skip)]
    _of: PhantomData<Id>,
}

impl<Id: ResourceType + std::fmt::Display> Serialize for Ref<Id> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reference = format!("{}/{}", Id::NAME, self.0);
        Wire::<Id> { reference, display: None, _of: PhantomData }.serialize(serializer)
    }
}

impl<'de, Id: ResourceType + From<String>> Deserialize<'de> for Ref<Id> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::<Id>::deserialize(deserializer)?;
        match wire.reference.split_once('/') {
            Some((kind, id)) if kind == Id::NAME && !id.is_empty() => {
                Ok(Self(id.to_owned().into()))
            }
            _ => Err(D::Error::custom(format!(
                "`{}` is not a reference of the form {}/id",
                wire.reference,
                Id::NAME
            ))),
        }
    }
}
