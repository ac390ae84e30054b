//! The command dls: release data pipelines safely on Huawei Cloud DataArts Studio

fn main() {}
