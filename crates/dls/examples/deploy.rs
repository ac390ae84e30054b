//! Releases a package against the embedded emulator and prints its progress.
//!
//! `cargo run -p dls-client --example deploy`

use dls::rollout::Options;
use dls::transport::credentials::{AccessKey, Credentials, SecretKey};
use dls::{Client, JobStart, PackageIds};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = dls_emulator::Emulator::builder().start("127.0.0.1:0".parse()?).await?;
    let key = AccessKey::new("AKIDEXAMPLE", SecretKey::new("example-secret-key")?)?;
    let client = Client::builder()
        .endpoint(emulator.base_url().parse()?)
        .project_id("b384b9e9ab9b4ee8994c8633aabc9505".parse()?)
        .workspace("default".parse()?)
        .credentials(Credentials::from(key))
        .build()?;

    let ids = PackageIds::new(["23".parse()?, "24".parse()?])?;
    let mut run = client.rollout(ids, Options::new(JobStart::Later))?;
    while run.next_event().await.is_some() {
        for package in run.report().packages {
            let status = package.latest.and_then(|detail| detail.package.status);
            println!("{}: {status:?}, outcome {:?}", package.id, package.outcome);
        }
    }
    println!("{:?}", run.report().outcome);
    Ok(())
}
