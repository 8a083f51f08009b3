//! Opening the house for a command: data directory, database, master key, broker.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

use super::{Failure, settings::Settings};
use crate::{
    broker::{Broker, Clock, check_seal},
    crypto::{MasterKey, Random},
    store::{Database, Error, Store, keys},
};

/// Connections for reading; writing has one of its own.
const READERS: u32 = 8;

/// Opens the broker that the settings describe.
///
/// # Errors
/// A paragraph for the operator; nothing is half made.
pub async fn open(settings: &Settings) -> Result<Arc<Broker>, Failure> {
    let (store, master) = open_store(settings).await?;
    Ok(Broker::open(settings.broker(), store, master, Clock::default()).await?)
}

/// Opens the database and finds the key to its secrets.
pub async fn open_store(settings: &Settings) -> Result<(Store, MasterKey), Failure> {
    make_data_dir(&settings.data_dir)?;
    let database = settings.database()?;
    let store =
        Store::open(database.clone(), READERS).map_err(|error| explain(&database, &error))?;
    let sealed = store.read(keys::seal).await?;
    let master = master_key(settings, sealed.is_some())?;
    if sealed.is_some() {
        check_seal(&master, sealed.as_deref())?;
    }
    Ok((store, master))
}

fn explain(database: &Database, error: &Error) -> String {
    let mend = match database {
        Database::Sqlite(_) => {
            "check that its folder exists, is writable by this user, and has space left, and \
             that the file is a database of Medict's"
        }
        Database::Postgres(_) => {
            "check database_url: host, port, name and password, and that the server is up"
        }
    };
    format!("{error}; {mend}")
}

fn make_data_dir(path: &Path) -> Result<(), Failure> {
    let explain = |error: io::Error| {
        format!(
            "the data directory {} cannot be used: {error}; set data_dir to a folder that this \
             user may write",
            path.display()
        )
    };
    if !path.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(explain)?;
    }
    let probe = path.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"").map_err(explain)?;
    fs::remove_file(&probe).map_err(explain)?;
    Ok(())
}

/// From the environment, a file, or made on the first start.
fn master_key(settings: &Settings, sealed: bool) -> Result<MasterKey, Failure> {
    if let Some(text) = &settings.master_key {
        let key = MasterKey::from_hex(text);
        return key.ok_or_else(|| "MEDICT_MASTER_KEY: is 64 hexadecimal digits".into());
    }
    let own = settings.data_dir.join("master.key");
    let path = settings.master_key_file.as_deref().unwrap_or(&own);
    match fs::read_to_string(path) {
        Ok(text) => read_key(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !sealed => {
            if settings.master_key_file.is_some() {
                return Err(format!(
                    "master_key_file {} does not exist; make one with `openssl \
                    rand -hex 32`, or leave the setting out to have one made",
                    path.display()
                )
                .into());
            }
            make_key(path)
        }
        Err(error) => Err(format!(
            "the master key {} cannot be read: {error}; the secrets in the database open with no \
             other key, so put the one back that was in use",
            path.display()
        )
        .into()),
    }
}

fn read_key(path: &Path, text: &str) -> Result<MasterKey, Failure> {
    let open = fs::metadata(path).map(|meta| meta.permissions().mode() & 0o077 != 0);
    if open.unwrap_or(false) {
        eprintln!("medict: warning: {} is readable by others; chmod 600 it", path.display());
    }
    let key = MasterKey::from_hex(text);
    key.ok_or_else(|| format!("the master key {}: is 64 hexadecimal digits", path.display()).into())
}

/// Of two processes that start at once, one makes the key and both use it.
fn make_key(path: &Path) -> Result<MasterKey, Failure> {
    let explain = |error: io::Error| format!("the master key {}: {error}", path.display());
    let key = MasterKey::generate(Random);
    let draft = path.with_extension(format!("key-{}", Random.reference()));
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&draft).map_err(explain)?;
    io::Write::write_all(&mut &file, key.to_hex().as_bytes()).map_err(explain)?;
    file.sync_all().map_err(explain)?;
    // A link fails where a name exists: the key that is there first stays.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(explain)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(path, &fs::read_to_string(path).map_err(explain)?)
        }
        Err(error) => Err(explain(error).into()),
    }
}
