//! `medict apply` and `medict plan`: resources in YAML or JSON files.

use std::{path::PathBuf, process::ExitCode};

use serde_json::Value;

use super::{Failure, home, settings::Settings};
use crate::{
    broker::{
        apply::ApplyError,
        resources::{Change, Written},
    },
    domain::resource::{self, Resource},
};

/// The files to read, in this order; `-` is standard input.
#[derive(clap::Args)]
pub struct Files {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Resources, each with the place it was read from.
struct Read {
    resources: Vec<Resource>,
    places: Vec<String>,
}

impl Files {
    pub async fn apply(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let Read { resources, places } = self.read()?;
        let broker = home::open(settings).await?;
        let written = broker.apply(resources).await.map_err(|error| at(&places, &error))?;
        report(&written);
        Ok(ExitCode::SUCCESS)
    }

    pub async fn plan(self, settings: &Settings) -> Result<ExitCode, Failure> {
        let Read { resources, places } = self.read()?;
        let broker = home::open(settings).await?;
        let written = broker.plan(resources).await.map_err(|error| at(&places, &error))?;
        report(&written);
        let same = written.iter().all(|one| one.change == Change::Unchanged);
        Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }

    /// Everything is read and checked before anything is written.
    fn read(self) -> Result<Read, Failure> {
        let mut read = Read { resources: Vec::new(), places: Vec::new() };
        for file in &self.files {
            let name = file.display().to_string();
            let text = read_text(file).map_err(|error| format!("{name}: {error}"))?;
            let documents = documents(&name, &text)?;
            if documents.is_empty() {
                println!("nothing in {name}");
            }
            for (index, value) in documents.into_iter().enumerate() {
                let place = format!("{name}, document {}{}", index + 1, called(&value));
                let resource = resource::parse(value);
                read.resources.push(resource.map_err(|invalid| format!("{place}: {invalid}"))?);
                read.places.push(place);
            }
        }
        Ok(read)
    }
}

fn read_text(file: &PathBuf) -> std::io::Result<String> {
    if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    }
}

/// The documents of a YAML stream; a list counts as its elements. JSON is YAML.
fn documents(name: &str, text: &str) -> Result<Vec<Value>, Failure> {
    // A department called `no` is a text: only true and false are truth values (YAML 1.2 §10.3.2).
    let options = serde_saphyr::options! { strict_booleans: true };
    let all: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| format!("{name}: {error}"))?;
    let flat = all.into_iter().flat_map(|value| match value {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        other => vec![other],
    });
    Ok(flat.collect())
}

fn called(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let name = text("id").or_else(|| text("username")).or_else(|| text("email"));
    match (text("resourceType"), name) {
        (Some(kind), Some(name)) => format!(" ({kind}/{name})"),
        (Some(kind), None) => format!(" ({kind})"),
        _ => String::new(),
    }
}

fn at(places: &[String], error: &ApplyError) -> Failure {
    let place = places.get(error.index).map_or("", String::as_str);
    format!("{place}: {error}; nothing was changed").into()
}

fn report(written: &[Written]) {
    for one in written {
        let word = match one.change {
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Unchanged => "unchanged",
        };
        println!("{word:<10} {}/{}", one.kind, one.id);
        if let Some(secret) = &one.secret {
            println!("           its client secret, shown only now: {secret}");
        }
        if let Some(warning) = &one.warning {
            println!("           nobody can sign in with it: {warning}");
        }
    }
}
