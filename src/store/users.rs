//! Accounts.

use super::{Conn, Error, Tx, run::prelude::*, schema::users};
use crate::domain::{
    resource::{Address, HumanName, UserResource},
    words::{UnixTime, UserId},
};

/// An account as it lies in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
pub struct Account {
    pub id: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_login_at: Option<i64>,
    pub active: bool,
    pub username: Option<String>,
    pub email: Option<String>,
    /// Whether whoever gave the address vouches for it.
    pub email_verified: bool,
    /// What a person types at the local login; lower case, unique; accounts made here only.
    pub login_name: Option<String>,
    pub login_email: Option<String>,
    /// FHIR `HumanName`s as JSON.
    pub name: String,
    pub profile: Option<String>,
    pub password_hash: Option<String>,
    pub phone: Option<String>,
    /// A FHIR `Address` as JSON.
    pub address: Option<String>,
}

impl Account {
    /// A new account that a person can sign in to here, or be invited to.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the name is no JSON: never.
    pub fn local(
        id: UserId,
        user: &UserResource,
        password_hash: Option<String>,
        now: UnixTime,
    ) -> Result<Self, Error> {
        let mut account = Self {
            id: id.0,
            version: 1,
            created_at: now.0,
            updated_at: now.0,
            password_hash,
            ..Self::default()
        };
        account.take_over(user)?;
        account.login_name = user.username.as_deref().map(str::to_lowercase);
        account.login_email = user.email.as_deref().map(str::to_lowercase);
        Ok(account)
    }

    /// Takes over what administrators may write, but neither password nor login names.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the name is no JSON: never.
    pub fn take_over(&mut self, user: &UserResource) -> Result<(), Error> {
        self.active = user.active;
        self.username.clone_from(&user.username);
        self.email_verified &= self.email == user.email;
        self.email.clone_from(&user.email);
        self.name = serde_json::to_string(&user.name)?;
        self.profile = user.profile.as_ref().map(ToString::to_string);
        self.phone.clone_from(&user.phone);
        let address = user.address.as_ref().filter(|address| !address.is_empty());
        self.address = address.map(serde_json::to_string).transpose()?;
        if self.login_name.is_some() || self.login_email.is_some() {
            self.login_name = user.username.as_deref().map(str::to_lowercase);
            self.login_email = user.email.as_deref().map(str::to_lowercase);
        }
        Ok(())
    }

    #[must_use]
    pub fn user_id(&self) -> UserId {
        UserId(self.id.clone())
    }

    #[must_use]
    pub fn names(&self) -> Vec<HumanName> {
        serde_json::from_str(&self.name).unwrap_or_default()
    }

    #[must_use]
    pub fn postal_address(&self) -> Option<Address> {
        serde_json::from_str(self.address.as_deref()?).ok()
    }

    /// The name of the person; `None`: we know none.
    #[must_use]
    pub fn display_name(&self) -> Option<String> {
        let name = self.names().first().map(HumanName::display);
        name.filter(|name| !name.is_empty())
    }

    /// What the person is called here: by name, else as he signs in, else as we count him.
    #[must_use]
    pub fn called(&self) -> String {
        let signs_in_as = || self.email.clone().or_else(|| self.username.clone());
        self.display_name().or_else(signs_in_as).unwrap_or_else(|| self.id.clone())
    }

    /// The FHIR person behind the account, as in `Practitioner/123`.
    #[must_use]
    pub fn profile_reference(&self) -> Option<String> {
        let profile: serde_json::Value = serde_json::from_str(self.profile.as_deref()?).ok()?;
        profile["reference"].as_str().map(str::to_owned)
    }

    /// The resource as administrators see it; no password.
    #[must_use]
    pub fn resource(&self) -> UserResource {
        UserResource {
            id: Some(self.user_id()),
            username: self.username.clone(),
            email: self.email.clone(),
            password: None,
            active: self.active,
            name: self.names(),
            phone: self.phone.clone(),
            address: self.postal_address(),
            profile: self.profile.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, id: &UserId) -> Result<Option<Account>, Error> {
    Ok(users::table.find(id.as_str()).get_result(conn).optional()?)
}

/// Those of these accounts that there are.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn named(conn: &mut Conn, ids: &[String]) -> Result<Vec<Account>, Error> {
    Ok(users::table.filter(users::id.eq_any(ids)).load(conn)?)
}

/// The local account whose username or e-mail address is `name`, without regard to case.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_local(conn: &mut Conn, name: &str) -> Result<Option<Account>, Error> {
    let name = name.to_lowercase();
    let by_name = users::table.filter(users::login_name.eq(&name)).get_result(conn).optional()?;
    if by_name.is_some() {
        return Ok(by_name);
    }
    Ok(users::table.filter(users::login_email.eq(&name)).get_result(conn).optional()?)
}

/// The account that an invitation by e-mail address waits in.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_by_local_email(conn: &mut Conn, email: &str) -> Result<Option<Account>, Error> {
    let wanted = users::login_email.eq(email.to_lowercase());
    Ok(users::table.filter(wanted).get_result(conn).optional()?)
}

/// Accounts in the order in which they were made, from `offset` on.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn list(conn: &mut Conn, offset: i64, limit: i64) -> Result<Vec<Account>, Error> {
    Ok(users::table.order(users::id.asc()).offset(offset).limit(limit).load(conn)?)
}

/// Accounts whose username or address begins with `text`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn search(conn: &mut Conn, text: &str, limit: i64) -> Result<Vec<Account>, Error> {
    let pattern = format!("{}%", text.replace(['%', '_', '\\'], ""));
    let matching = users::username.like(&pattern).or(users::email.like(&pattern));
    Ok(users::table.filter(matching).order(users::id.asc()).limit(limit).load(conn)?)
}

/// # Errors
/// [`Error::Duplicate`] when another local account has that username or address.
pub fn create(conn: &mut Conn, account: &Account) -> Result<(), Error> {
    diesel::insert_into(users::table).values(account).execute(conn)?;
    Ok(())
}

/// Replaces the account that has `account.version` and raises the version. `false`: it has another.
///
/// # Errors
/// [`Error::Duplicate`] when another local account has the new username or address.
pub fn update(tx: &mut Tx<'_>, account: &Account, now: UnixTime) -> Result<bool, Error> {
    tx.revokes();
    let conn: &mut Conn = tx;
    let next = Account { version: account.version + 1, updated_at: now.0, ..account.clone() };
    let row = users::table.find(&account.id).filter(users::version.eq(account.version));
    Ok(diesel::update(row).set(&next).execute(conn)? == 1)
}

/// # Errors
/// [`Error`] when the database fails.
pub fn signed_in(conn: &mut Conn, id: &UserId, now: UnixTime) -> Result<(), Error> {
    let row = users::table.find(id.as_str());
    diesel::update(row).set(users::last_login_at.eq(now.0)).execute(conn)?;
    Ok(())
}
