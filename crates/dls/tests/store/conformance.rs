//! Both stores hold what every store must.

use dls::store::{FileStore, MemoryStore, conformance};

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

#[tokio::test]
async fn memory_is_a_store() {
    conformance::check(async || MemoryStore::new()).await.unwrap();
}
