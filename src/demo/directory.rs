//! A directory that is gone afterwards.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::crypto::Random;

/// A fresh directory for this process only; removed with all it holds when dropped.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("medict-demo-{}", Random.reference()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a temporary directory stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_behind() {
        let directory = Directory::new().expect("made");
        let path = directory.path().to_owned();
        fs::write(path.join("medict.db"), "x").expect("written");
        drop(directory);
        assert!(!path.exists());
    }
}
