-- Archived documents get further time stamps before the last one's certificate ends (seal). ETSI EN 319 142-1
-- §5.5; docs/decisions/0179-archived-documents.md. What was issued is never changed; what is appended
-- to it later has a row of its own.
--
-- Number 0 says until when the document as issued carries itself; it is written when the archive first looks at
-- the document. Each further one is a revision appended to all before it.

create table seal.augmentation (
  document    text collate "C" not null,
  number      int         not null,
  at          timestamptz not null,  -- when it was appended; of number 0, when the document was issued
  good_until  timestamptz not null,  -- end of the last stamp's certificate
  sha256      bytea       not null,  -- of the whole file, this revision included
  tail_sealed bytea,                 -- what was appended, under the data key

  constraint augmentation_pkey primary key (document, number),
  constraint augmentation_document_fkey foreign key (document) references seal.document (id),
  constraint augmentation_number check (number >= 0),
  constraint augmentation_sha256_size check (octet_length(sha256) = 32),
  constraint augmentation_tail check ((number = 0) = (tail_sealed is null))
);
alter table seal.augmentation alter column tail_sealed set storage external;
create index augmentation_due on seal.augmentation (good_until);
-- How far the archive has come, and what was issued since: documents come in the order of their time.
create index augmentation_looked_at on seal.augmentation (at) where number = 0;
create index document_issued on seal.document using brin (issued_at);

revoke all on seal.augmentation from public;
grant select, insert on seal.augmentation to xinyin_service;
