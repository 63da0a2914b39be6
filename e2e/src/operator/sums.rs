//! What an operator counts, as its `/metrics` has it.

use anyhow::{Context, Result, ensure};

use super::Operator;

impl Operator {
    /// The text of `/metrics`.
    pub async fn metrics(&self) -> Result<String> {
        let (code, body) = self.get("/metrics").await?;
        ensure!(code == 200, "/metrics answers {code}");
        Ok(body)
    }

    /// The sum of a metric over all its series that carry these labels; 0 if there is none.
    pub async fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> Result<f64> {
        sum(&self.metrics().await?, metric, labels)
    }

    /// Mutating requests so far, leases and events excepted, whatever came of them.
    pub async fn writes(&self) -> Result<f64> {
        let text = self.metrics().await?;
        let of = |labels: &[(&str, &str)]| sum(&text, "windlass_writes_total", labels);
        Ok(of(&[])? - of(&[("kind", "Lease")])? - of(&[("kind", "Event")])?)
    }
}

fn sum(text: &str, metric: &str, labels: &[(&str, &str)]) -> Result<f64> {
    let is_of = |series: &str| {
        let (name, rest) = series.split_once('{').unwrap_or((series, ""));
        name == metric && labels.iter().all(|(key, value)| rest.contains(&format!("{key}=\"{value}\"")))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    let mut total = 0.0;
    for (_, value) in lines.filter(|(series, _)| is_of(series)) {
        total += value.parse::<f64>().with_context(|| format!("{metric} is {value}"))?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_their_labels() {
        let text = "# HELP w x\nw{kind=\"A\",verb=\"patch\"} 2\nw{kind=\"B\",verb=\"patch\"} 3\nw_other 9\nflat 1\n";
        assert_eq!(sum(text, "w", &[]).unwrap(), 5.0);
        assert_eq!(sum(text, "w", &[("kind", "B")]).unwrap(), 3.0);
        assert_eq!(sum(text, "flat", &[]).unwrap(), 1.0);
        assert_eq!(sum(text, "none", &[]).unwrap(), 0.0);
    }
}
