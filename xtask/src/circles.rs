//! Files of one crate that import from each other in a circle: none of them can be read, tested or moved alone.
//!
//! A file needs another when its code outside of test modules names an item that is defined there. A module by itself is
//! no item, and what a file exports again counts for the file that defines it. So a parent may declare its children and
//! export their items, but either the parent uses what a child defines or the child uses what the parent defines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use syn::{
    Ident, Item, ItemMod, ItemUse, UseTree, Visibility,
    visit::{self, Visit},
};

use crate::workspace::relative;

/// How many imports of imports are followed. More would be a circle of imports, which does not compile.
const FOLLOWED: u32 = 16;

/// The segments of a path, or of the path to a module from the crate's root.
type Names = Vec<String>;

#[derive(Default)]
struct Module {
    /// Seen from the crate's `src` folder.
    file: String,
    /// Items other than modules.
    items: BTreeSet<String>,
    /// Each name that `use` brings here, and the path that it stands for.
    imports: Vec<(String, Names)>,
    /// Each module of which `use` brings everything here.
    globs: Vec<Names>,
    /// The paths that the code here names, each as it stands.
    named: Vec<Names>,
}

/// The crate's modules, tests excluded, by their paths from its root.
struct Modules<'a> {
    src: &'a Path,
    modules: BTreeMap<Names, Module>,
}

/// The groups of two or more that all need each other, directly or not. An edge goes from one to what it needs.
pub(crate) fn circles<'a>(edges: &BTreeSet<(&'a str, &'a str)>) -> BTreeSet<BTreeSet<&'a str>> {
    let (mut reached, mut before) = (edges.clone(), 0);
    while reached.len() > before {
        before = reached.len();
        for (from, over) in reached.clone() {
            let next = edges.iter().filter(|(start, _)| *start == over);
            reached.extend(next.map(|(_, to)| (from, *to)));
        }
    }
    let circle = |(name, _): &(&'a str, &'a str)| {
        let mutual =
            reached.iter().filter(|(from, to)| from == name && reached.contains(&(to, from)));
        mutual.map(|(_, to)| *to).collect::<BTreeSet<_>>()
    };
    edges.iter().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// The circles between files of the crate whose root is the file `root`, one line each.
pub(crate) fn between_files(root: &Path) -> Result<Vec<String>> {
    let src = root.parent().unwrap_or(root);
    let mut modules = Modules { src, modules: BTreeMap::new() };
    modules.read(root, src, &Vec::new())?;
    // Which file needs which others, and the items that say so.
    let mut edges: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for (here, module) in &modules.modules {
        for named in &module.named {
            if let Some((file, item)) = modules.resolve(here, named, FOLLOWED)
                && file != module.file
            {
                edges.entry((&module.file, file)).or_default().insert(item);
            }
        }
    }
    let line = |circle: BTreeSet<&str>| {
        let edges = edges
            .iter()
            .filter(|((from, to), _)| circle.contains(from) && circle.contains(to.as_str()));
        let edges = edges.map(|((from, to), items)| {
            format!("{from} -> {to} ({})", Vec::from_iter(items.iter().cloned()).join(", "))
        });
        edges.collect::<Vec<_>>().join("; ")
    };
    let needs = edges.keys().map(|(from, to)| (*from, to.as_str())).collect();
    Ok(circles(&needs).into_iter().map(line).collect())
}

impl Modules<'_> {
    /// Reads the module at `path` from `file`; its children's files lie in `folder`.
    fn read(&mut self, file: &Path, folder: &Path, path: &Names) -> Result<()> {
        let text = fs::read_to_string(file)?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        self.add(relative(file, self.src), folder, path, &parsed.items)
    }

    fn add(&mut self, file: String, folder: &Path, path: &Names, items: &[Item]) -> Result<()> {
        let mut module = Module { file, ..Module::default() };
        for item in items {
            let child = match item {
                Item::Mod(child) if is_test(child) => continue,
                Item::Mod(child) => child,
                _ => {
                    module.items.extend(name(item).map(Ident::to_string));
                    module.visit_item(item);
                    continue;
                }
            };
            let name = child.ident.to_string();
            let inside = folder.join(&name);
            let path = [path.as_slice(), &[name]].concat();
            if let Some((_, items)) = &child.content {
                self.add(module.file.clone(), &inside, &path, items)?;
            } else {
                let file = inside.with_extension("rs");
                let file = if file.is_file() { file } else { inside.join("mod.rs") };
                self.read(&file, &inside, &path)?;
            }
        }
        self.modules.insert(path.clone(), module);
        Ok(())
    }

    /// The file that defines what `path` names in the module `here`, and its name there. None for a module, and for
    /// what another crate defines.
    fn resolve(&self, here: &Names, path: &[String], follow: u32) -> Option<(String, String)> {
        let follow = follow.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let mut at = here.clone();
        match first.as_str() {
            "crate" => at.clear(),
            "super" => _ = at.pop()?,
            "self" => {}
            name => at.push(name.to_owned()),
        }
        if self.modules.contains_key(&at) {
            return self.resolve(&at, rest, follow);
        }
        let module = self.modules.get(here)?;
        if module.items.contains(first) {
            return Some((module.file.clone(), first.clone()));
        }
        let imports = module.imports.iter().filter(|(name, _)| name == first);
        let imports = imports.map(|(_, import)| [import, rest].concat());
        let globs = module.globs.iter().map(|glob| [glob, path].concat());
        // A path that is its own import (`use serde::Serialize`, `use http;`) comes from another crate.
        let mut paths = imports.chain(globs).filter(|other| other != path);
        paths.find_map(|path| self.resolve(here, &path, follow))
    }
}

/// Collects the paths that are named.
impl<'ast> Visit<'ast> for Module {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let before = self.imports.len();
        self.import(&item.tree, &Vec::new());
        if matches!(item.vis, Visibility::Inherited) {
            self.named.extend(self.imports.iter().skip(before).map(|(_, path)| path.clone()));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.named.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// What is between the brackets is the syntax of the macro; paths are written the same way in most.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let paths = words.filter(|word| word.contains("::"));
        self.named.extend(paths.map(|path| path.split("::").map(str::to_owned).collect()));
        visit::visit_macro(self, call);
    }
}

impl Module {
    fn import(&mut self, tree: &UseTree, before: &Names) {
        let with = |name: &Ident| match name {
            name if name == "self" => before.clone(),
            name => [before.as_slice(), &[name.to_string()]].concat(),
        };
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
            UseTree::Glob(_) => self.globs.push(before.clone()),
            UseTree::Name(name) => {
                let path = with(&name.ident);
                self.imports.extend(path.last().cloned().map(|name| (name, path)));
            }
            UseTree::Rename(name) => {
                self.imports.push((name.rename.to_string(), with(&name.ident)));
            }
        }
    }
}

fn is_test(module: &ItemMod) -> bool {
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The name of an item, if it is one that a path can end with.
fn name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(syn::ItemConst { ident, .. })
        | Item::Enum(syn::ItemEnum { ident, .. })
        | Item::Fn(syn::ItemFn { sig: syn::Signature { ident, .. }, .. })
        | Item::Static(syn::ItemStatic { ident, .. })
        | Item::Struct(syn::ItemStruct { ident, .. })
        | Item::Trait(syn::ItemTrait { ident, .. })
        | Item::Type(syn::ItemType { ident, .. }) => Some(ident),
        Item::Macro(syn::ItemMacro { ident, .. }) => ident.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate with these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        between_files(&folder.path().join("lib.rs")).unwrap()
    }

    #[test]
    fn two_files_that_name_items_of_each_other_are_a_circle_however_they_name_them() {
        for b in [
            "use crate::a::A;\npub struct B;\nfn f(_: A) {}\n",
            "use super::{a::{self as other}};\npub struct B;\nfn f(_: other::A) {}\n",
            "pub struct B;\nfn f() { g(|| vec![crate::a::A::new()]) }\n",
            "pub struct B;\nimpl From<super::a::A> for B {}\n",
            // Exported again by their parent.
            "use crate::A;\npub struct B;\nfn f(_: A) {}\n",
            "use super::*;\npub struct B;\nfn f(_: a::A) {}\n",
        ] {
            let a = ("a.rs", "use crate::b::B;\npub struct A(B);\n");
            let files = [("lib.rs", "pub mod a;\nmod b;\npub use a::A;\n"), a, ("b.rs", b)];
            assert_eq!(found(&files), ["a.rs -> b.rs (B); b.rs -> a.rs (A)"]);
        }
    }

    #[test]
    fn more_files_than_two_and_files_in_folders_make_a_circle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub mod c;\nuse crate::b::B;\npub struct A(B);\n"),
            ("a/c.rs", "use super::A;\npub struct C(A);\n"),
            ("b/mod.rs", "mod inline { pub(crate) type D = crate::a::c::C; }\npub struct B;\n"),
        ];
        assert_eq!(
            found(&files),
            ["a.rs -> b/mod.rs (B); a/c.rs -> a.rs (A); b/mod.rs -> a/c.rs (C)"]
        );
    }

    #[test]
    fn tests_and_what_a_parent_declares_or_exports_make_no_circle() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\npub use b::B;\npub(crate) use a::*;\npub struct Root;\n"),
            ("a.rs", "use crate::{B, Root};\nuse serde::Serialize;\npub struct A(B, Root);\n"),
            ("b.rs", "use crate::a;\npub struct B;\n#[cfg(test)] mod tests { use crate::a::A; }\n"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
