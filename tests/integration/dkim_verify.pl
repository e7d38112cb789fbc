#!/usr/bin/perl
# Verifies the signatures of a domain in files of messages by Mail::DKIM.
#
#   dkim_verify.pl DOMAIN DNS-PORT FILE...      prints "file TAB selector TAB result" lines
use strict;
use warnings;
use File::Basename;
use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS::Resolver;

my ($domain, $port, @files) = @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ["127.0.0.1"], port => $port));
for my $file (@files) {
  open my $in, "<:raw", $file or die "$file: $!";
  my $message = do { local $/; <$in> };
  my $verifier = Mail::DKIM::Verifier->new;
  $verifier->PRINT($message);
  $verifier->CLOSE;
  for my $signature ($verifier->signatures) {
    next if $signature->domain ne $domain;
    print join("\t", basename($file), $signature->selector, $signature->result_detail), "\n";
  }
}
