//! `FileStore` passes the conformance suite. `MemoryStore` passes it in a doctest.

use dls::store::{FileStore, conformance};

#[tokio::test]
async fn a_directory_of_files_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let checked = conformance::check(async || {
        number.set(number.get() + 1);
        let folder = folder.path().join(number.get().to_string());
        FileStore::open(folder).await.unwrap()
    });
    checked.await.unwrap();
}
