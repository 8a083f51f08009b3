//! Devices that ask to be let in, until a person decides and the device hears of it.

use super::{Conn, Error, run::prelude::*, schema::devices};
use crate::domain::{
    login::AuthorizationRequest,
    words::{ClientId, GrantId, UnixTime},
};

/// A device that asks; known by the digest of its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub digest: String,
    /// Eight letters, without a dash.
    pub user_code: String,
    pub client: ClientId,
    pub request: AuthorizationRequest,
    /// Seconds between two polls.
    pub pace: i64,
    pub polled_at: UnixTime,
    pub answer: Answer,
    pub expires_at: UnixTime,
}

/// What the person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Yes(GrantId),
    No,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = devices)]
struct Row {
    device: String,
    user_code: String,
    client_id: String,
    request: String,
    pace: i64,
    polled_at: i64,
    decided_at: Option<i64>,
    grant_id: Option<String>,
    expires_at: i64,
}

impl Row {
    fn device(self) -> Result<Device, Error> {
        Ok(Device {
            digest: self.device,
            user_code: self.user_code,
            client: ClientId(self.client_id),
            request: serde_json::from_str(&self.request)?,
            pace: self.pace,
            polled_at: UnixTime(self.polled_at),
            answer: match (self.decided_at, self.grant_id) {
                (None, _) => Answer::Nothing,
                (Some(_), Some(grant)) => Answer::Yes(GrantId(grant)),
                (Some(_), None) => Answer::No,
            },
            expires_at: UnixTime(self.expires_at),
        })
    }
}

/// Stores a device that nobody has decided about.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn create(conn: &mut Conn, device: &Device) -> Result<(), Error> {
    let row = Row {
        device: device.digest.clone(),
        user_code: device.user_code.clone(),
        client_id: device.client.0.clone(),
        request: serde_json::to_string(&device.request)?,
        pace: device.pace,
        polled_at: device.polled_at.0,
        decided_at: None,
        grant_id: None,
        expires_at: device.expires_at.0,
    };
    diesel::insert_into(devices::table).values(&row).execute(conn)?;
    Ok(())
}

/// # Errors
/// [`Error`] when the database fails.
pub fn find(conn: &mut Conn, digest: &str) -> Result<Option<Device>, Error> {
    let row: Option<Row> = devices::table.find(digest).get_result(conn).optional()?;
    row.map(Row::device).transpose()
}

/// The device that shows `user_code` and still waits at `now`.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn find_waiting(
    conn: &mut Conn,
    user_code: &str,
    now: UnixTime,
) -> Result<Option<Device>, Error> {
    let waiting = devices::table
        .filter(devices::user_code.eq(user_code))
        .filter(devices::decided_at.is_null().and(devices::expires_at.gt(now.0)));
    let row: Option<Row> = waiting.get_result(conn).optional()?;
    row.map(Row::device).transpose()
}

/// Notes a poll, and the pace from now on.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn polled(conn: &mut Conn, digest: &str, pace: i64, now: UnixTime) -> Result<(), Error> {
    let poll = (devices::pace.eq(pace), devices::polled_at.eq(now.0));
    diesel::update(devices::table.find(digest)).set(poll).execute(conn)?;
    Ok(())
}

/// The person decides; `grant` is what he gives. `false`: it was decided before, or too late.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn decide(
    conn: &mut Conn,
    digest: &str,
    grant: Option<&GrantId>,
    now: UnixTime,
) -> Result<bool, Error> {
    let waiting = devices::table
        .find(digest)
        .filter(devices::decided_at.is_null().and(devices::expires_at.gt(now.0)));
    let decision =
        (devices::decided_at.eq(now.0), devices::grant_id.eq(grant.map(|grant| &grant.0)));
    Ok(diesel::update(waiting).set(decision).execute(conn)? == 1)
}

/// The device has heard. `false`: it had heard before.
///
/// # Errors
/// [`Error`] when the database fails.
pub fn end(conn: &mut Conn, digest: &str) -> Result<bool, Error> {
    Ok(diesel::delete(devices::table.find(digest)).execute(conn)? == 1)
}
