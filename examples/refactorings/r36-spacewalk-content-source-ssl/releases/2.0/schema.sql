-- Spacewalk 2.6: the SSL keys of a content source become columns of it.

create table rhnCryptoKey (id numeric primary key, description varchar(1024) not null);
create table rhnContentSource (
  id numeric primary key,
  source_url varchar(2048) not null,
  label varchar(128) not null unique,
  ssl_ca_cert_id numeric references rhnCryptoKey (id),
  ssl_client_cert_id numeric references rhnCryptoKey (id),
  ssl_client_key_id numeric references rhnCryptoKey (id)
);
