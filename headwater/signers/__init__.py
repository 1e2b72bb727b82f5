"""Who signed the calls: verdicts on Identity headers, the certificates ever seen, hosts to fetch from, abuse flags."""
