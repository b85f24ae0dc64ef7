-- Which version of its template a document was made by (docs/decisions/0176-documents-as-data.md). Those
-- that were there before were all made by the first.
alter table seal.document add column template_version integer not null default 1
  constraint document_template_version check (template_version between 1 and 999);
