//! A federation's feed lies in a file while it is read. A lock on the file says that a living process
//! reads it; the system gives the lock up when the process ends, however it ends.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const BEGIN: &str = "aggregate-";
const END: &str = ".xml";

/// A file of its own, gone when this is dropped.
pub(super) struct Spooled {
    path: PathBuf,
    _lock: File,
}

impl Spooled {
    /// Makes an empty file that nobody else reads.
    pub(super) fn new(folder: &Path, unique: &str) -> io::Result<Self> {
        let path = folder.join(format!("{BEGIN}{unique}{END}"));
        // It gets the name that is swept only once it is locked.
        let unlocked = path.with_extension("new");
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unlocked)?;
        lock.lock()?;
        fs::rename(&unlocked, &path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "a spooled aggregate could not be removed");
        }
    }
}

/// Removes what processes that were killed have left behind.
pub(in crate::broker) fn sweep(folder: &Path) {
    if let Err(error) = sweep_all(folder) {
        tracing::warn!(%error, "spooled aggregates of earlier processes could not be removed");
    }
}

fn sweep_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(BEGIN) && name.ends_with(END));
        if ours && entry.file_type()?.is_file() && is_orphaned(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What vanishes meanwhile or belongs to somebody else is none.
fn is_orphaned(file: &Path) -> bool {
    File::open(file).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_any_more_is_swept() {
        let folder = std::env::temp_dir().join(format!("medict-spool-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for left in ["aggregate-left.xml", "aggregate-left.txt", "medict.db"] {
            fs::write(folder.join(left), "left").expect("a file");
        }
        let read = Spooled::new(&folder, "read").expect("a file");
        sweep(&folder);
        let names = || {
            let entries =
                fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("entry"));
            let mut names: Vec<_> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(), ["aggregate-left.txt", "aggregate-read.xml", "medict.db"]);
        assert!(Spooled::new(&folder, "read/again").is_err());
        drop(read);
        assert_eq!(names(), ["aggregate-left.txt", "medict.db"]);
        fs::remove_dir_all(folder).expect("removed");
    }
}
