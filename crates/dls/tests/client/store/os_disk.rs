//! The machine's disk: what is asked of it reaches the system, whose refusals show it.
#![cfg(unix)]

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use dls::store::{Disk as _, OpenMode, OsDisk};

#[tokio::test]
async fn a_refused_flush_of_a_file_or_a_directory_is_an_error() {
    // Can be opened and written, and makes nothing durable: the system refuses each flush of it.
    let path = Path::new("/dev/null");
    let mut file = OsDisk.open(path, OpenMode::Append).await.unwrap();
    file.append(b"{}\n".to_vec()).await.unwrap();
    for flushed in [file.flush().await, OsDisk.sync_dir(path).await] {
        let error = flushed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    OsDisk.sync_dir(folder.path()).await.unwrap();
}

#[tokio::test]
async fn missing_parent_directories_are_created() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b/c");
    for _ in 0..2 {
        OsDisk.create_dir(&deep).await.unwrap();
        assert!(deep.is_dir());
    }
}

/// Names the directory in which the child process is to make another one.
const PARENT: &str = "DLS_TEST_PARENT";

/// Where a directory may be written and not be read, a name in it is made and cannot be made durable.
#[test]
fn a_new_directory_that_cannot_be_flushed_into_its_parent_is_refused() {
    const NOBODY: u32 = 65534;
    let folder = tempfile::tempdir().unwrap();
    let parent = folder.path().join("parent");
    std::fs::create_dir(&parent).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "store::os_disk::somebody", "--ignored", "--nocapture"]);
    child.env(PARENT, &parent);
    // Permissions do not hold back root.
    if std::fs::metadata(&parent).unwrap().uid() == 0 {
        allow(folder.path(), 0o755);
        chown(&parent, Some(NOBODY), Some(NOBODY)).unwrap();
        child.current_dir("/").uid(NOBODY).gid(NOBODY);
    }
    for (mode, expected) in [(0o700, "made: Ok"), (0o300, "made: Err(PermissionDenied)")] {
        allow(&parent, mode);
        let output = child.output().unwrap();
        allow(&parent, 0o700);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(expected), "{mode:o}: {said}");
        assert!(parent.join("runs").is_dir());
        std::fs::remove_dir(parent.join("runs")).unwrap();
    }
}

fn allow(path: &Path, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).unwrap();
}

#[tokio::test]
#[ignore = "a part of another test, which runs it as somebody whom permissions hold back"]
async fn somebody() {
    let Some(parent) = std::env::var_os(PARENT).map(PathBuf::from) else {
        return;
    };
    let made = OsDisk.create_dir(&parent.join("runs")).await;
    println!("made: {:?}", made.map_err(|error| error.kind()));
}
