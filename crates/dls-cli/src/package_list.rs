//! What `list`, `view` and `status` show.

use dls::PackageId;
use dls::model::{Package, PackageDetail, Task};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::document::{Block, Document};
use crate::json::{self, display, service_error, user_name, with};

pub(crate) struct PackageList<'a> {
    pub(crate) schema: &'static str,
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) packages: Vec<Listed>,
}

/// A package, as far as a command reads it.
#[derive(Default)]
pub(crate) struct Listed {
    package: Package,
    tasks: Option<Vec<Task>>,
    error: Option<dls::Error>,
}

impl Listed {
    pub(crate) fn new(package: Package) -> Self {
        Self { package, ..Self::default() }
    }

    pub(crate) fn with_tasks(PackageDetail { package, tasks, .. }: PackageDetail) -> Self {
        Self { tasks: Some(tasks), ..Self::new(package) }
    }

    /// A package that could not be read.
    pub(crate) fn unread(id: PackageId, error: dls::Error) -> Self {
        let mut package = Package::default();
        package.id = Some(id);
        Self { error: Some(error), ..Self::new(package) }
    }

    fn json(&self) -> Value {
        let mut row = json::package(&self.package);
        if let Some(tasks) = &self.tasks {
            row = with(row, json!({ "tasks": json::tasks(tasks) }));
        }
        match &self.error {
            None => row,
            Some(error) => with(row, json!({ "error": error_json(error) })),
        }
    }
}

fn error_json(error: &dls::Error) -> Value {
    match error.service() {
        Some(error) => service_error(error),
        None => {
            json!({"code": null, "message": error.in_full(), "request_id": error.request_id()})
        }
    }
}

impl Document for PackageList<'_> {
    fn json(&self) -> Value {
        json!({
            "schema": self.schema,
            "workspace": self.settings.workspace,
            "endpoint": self.settings.endpoints.v2.to_string(),
            "packages": self.packages.iter().map(Listed::json).collect::<Value>(),
        })
    }

    fn text(&self) -> Vec<Block> {
        let rows = self.packages.iter().map(|Listed { package, .. }| {
            let cells = [
                display(package.id),
                package.name.clone(),
                display(package.status),
                user_name(package.deployer.as_ref()).map(str::to_owned),
                display(package.deployed_at),
            ];
            cells.map(Option::unwrap_or_default).to_vec()
        });
        let head = &["id", "name", "status", "released by", "released at"];
        let mut blocks = vec![Block::Table { head, rows: rows.collect() }];
        blocks.extend(self.packages.iter().filter_map(|it| it.tasks.as_deref()).map(task_table));
        blocks
    }
}

fn task_table(tasks: &[Task]) -> Block {
    let version = |version: Option<i64>| version.map_or("-".to_owned(), |it| format!("v{it}"));
    let rows = tasks.iter().map(|task| {
        vec![
            display(task.change).unwrap_or_default(),
            display(task.kind).unwrap_or_default(),
            task.name.clone().unwrap_or_default(),
            format!("{} -> {}", version(task.deployed_version), version(task.pending_version)),
            display(task.status).unwrap_or_default(),
        ]
    });
    let head = &["change", "kind", "task", "version", "status"];
    Block::Table { head, rows: rows.collect() }
}
