//! Warnings about the directory of a store.

use std::fs;
use std::path::Path;

/// The file systems that are on another machine, or may be.
const NETWORK: &str = "9p afs beegfs ceph cifs fuse.sshfs glusterfs lustre nfs nfs4 smb3 smbfs";

pub(super) fn of(folder: &Path) -> Vec<String> {
    let Ok(folder) = fs::canonicalize(folder) else {
        return Vec::new();
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let network =
        file_system(&mounts, &folder).filter(|kind| NETWORK.split(' ').any(|it| it == *kind));
    let network = network.map(|kind| {
        format!(
            "{} is on a network file system ({kind}), where locks and flushes may not hold what the journal \
             needs",
            folder.display()
        )
    });
    let git = folder.ancestors().find(|above| above.join(".git").exists());
    let git = git.map(|tree| {
        format!(
            "{} is in the git work tree {}, where it may be committed or wiped",
            folder.display(),
            tree.display()
        )
    });
    network.into_iter().chain(git).collect()
}

/// The type of the file system that a directory is on, as `/proc/self/mountinfo` says: the mount with the longest
/// path above it counts, and of several there the last one.
fn file_system<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let point = unescaped(mount.split(' ').nth(4)?);
        let kind = kind.split(' ').next()?;
        folder.starts_with(&point).then_some((point.len(), kind))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// Spaces and backslashes in paths are escaped in octal.
fn unescaped(path: &str) -> String {
    path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_on_the_file_system_of_the_nearest_mount_above_it() {
        let mounts = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/my\\040files rw shared:2 master:1 - nfs4 server:/x rw
31 22 0:41 / /srv rw - tmpfs tmpfs rw
32 31 8:2 / /srv rw - xfs /dev/sdb1 rw
";
        let kind = |path| file_system(mounts, Path::new(path));
        assert_eq!(kind("/var/lib/dls"), Some("ext4"));
        assert_eq!(kind("/mnt/my files/runs"), Some("nfs4"));
        assert_eq!(kind("/mnt/my"), Some("ext4"));
        assert_eq!(kind("/srv/li/runs"), Some("xfs"), "the last mount covers the first");
        assert_eq!(file_system("", Path::new("/")), None);
    }

    #[test]
    fn a_directory_in_a_git_work_tree_is_warned_of() {
        let tree = tempfile::tempdir().unwrap();
        let runs = tree.path().join("ci/runs");
        fs::create_dir_all(&runs).unwrap();
        let about_git = || of(&runs).iter().any(|line| line.contains("git work tree"));
        assert!(!about_git());
        fs::create_dir(tree.path().join(".git")).unwrap();
        assert!(about_git());
    }
}
