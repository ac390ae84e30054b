//! Release data pipelines safely on Huawei Cloud DataArts Studio: the client
